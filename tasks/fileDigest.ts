import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Refusal } from "./failure.ts";

/** sha256 of a file as 0x and hex. Throws Refusal where it cannot be read. */
export async function fileDigest(file: string, what: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    throw new Refusal(
      "FileUnreadable",
      `found no readable file ${file} (${(error as NodeJS.ErrnoException).code}), wanted ${what}; correct --file`,
    );
  }
  return `0x${hash.digest("hex")}`;
}
