import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Report } from "./output.ts";

/** The keystores of a data folder: addresses and file modes, never more. */
export function listKeys(folder: string): Report {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^(owner|operator).*\.json$/.test(file)) : [];
  const keys = files.map((file) => {
    const full = path.join(folder, file);
    const mode = (statSync(full).mode & 0o777).toString(8);
    return { file, address: addressIn(full), mode, safe: mode === "600" };
  });
  const lines = keys.map(
    ({ file, address, mode, safe }) => `${file.padEnd(32)} ${address}  mode ${mode}${safe ? "" : "  ! run chmod 600 on it"}`,
  );
  return { data: { folder, keys }, lines: lines.length > 0 ? lines : [`no keystores in ${folder} (init makes them)`] };
}

function addressIn(file: string): string {
  try {
    const { address } = JSON.parse(readFileSync(file, "utf8")) as { address?: unknown };
    return typeof address === "string" && /^(0x)?[0-9a-f]{40}$/i.test(address) ? `0x${address.replace(/^0x/, "")}` : "no keystore";
  } catch {
    return "not readable";
  }
}
