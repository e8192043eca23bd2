import { readFileSync } from "node:fs";
import { required } from "../arguments.ts";
import { Refusal } from "../failure.ts";

/** The bytes of a checkpoint's contents from the file that --contents names. Throws Refusal. */
export function contentsIn(file: string | undefined): Uint8Array {
  const name = required(file, "--contents", "a file that anchor build wrote");
  try {
    return readFileSync(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Refusal("FileUnreadable", `found no readable file ${name} (${code}), wanted a checkpoint's contents; correct --contents`);
  }
}
