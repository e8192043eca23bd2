import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { EXIT, Fatal } from "./exit.ts";

/**
 * Takes a data directory for this process, and makes it where it is missing. The operating system gives the lock back when the process dies,
 * however it dies. Throws Fatal (inUse) where another process has it, Fatal (configInvalid) where the directory cannot be written.
 * @returns gives the directory back
 */
export function lockDirectory(directory: string): () => void {
  const pidFile = path.join(directory, "lock.pid");
  const database = opened(directory);
  try {
    database.pragma("locking_mode = EXCLUSIVE");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new Fatal(
      EXIT.inUse,
      `found ${directory} in use by process ${pidIn(pidFile)}, wanted it free; stop that process or use another --data`,
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return () => database.close();
}

function opened(directory: string): Database.Database {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new Database(path.join(directory, "lock.db"), { timeout: 0 });
  } catch (error) {
    throw new Fatal(
      EXIT.configInvalid,
      `found no writable directory at ${directory} (${(error as Error).message}), wanted one for --data`,
      error,
    );
  }
}

function pidIn(file: string): string {
  try {
    return readFileSync(file, "utf8").trim().slice(0, 20);
  } catch {
    return "unknown";
  }
}
