import { copyFileSync, cpSync, linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ENGINE = "node-llama-cpp";
const BINARIES = "@node-llama-cpp/linux-x64/bins/linux-x64";
/** x64 CPU variants of llama.cpp that any CPU with AVX2 can run, from the plainest. */
const PLAINER = ["x64", "sse42", "sandybridge", "ivybridge", "piledriver", "haswell"];

/** Whether other CPU variants can be forced on this machine. */
export const canForce = process.platform === "linux" && process.arch === "x64";
/** Names of the variants, "native" first: what llama.cpp takes by itself. */
export const VARIANTS = ["native", ...(canForce ? PLAINER : [])];

/**
 * A folder with this program's own code, and llama.cpp with one CPU variant left: it then has no other to take, as on another machine.
 * Returns the folder.
 */
export function forceVariant(variant: string, parent: string): string {
  const folder = path.join(parent, `engine-${variant}`);
  rmSync(folder, { recursive: true, force: true });
  for (const code of ["offchain/inference", "offchain/protocol", "bench/truth"])
    cpSync(path.join(ROOT, code), path.join(folder, code), { recursive: true });
  mkdirSync(path.join(folder, "models"));
  for (const file of ["world.mjs", "world.d.mts"]) copyFileSync(path.join(ROOT, "models", file), path.join(folder, "models", file));
  writeFileSync(path.join(folder, "package.json"), '{"type":"module"}\n');
  const modules = path.join(folder, "node_modules");
  mkdirSync(modules);
  for (const name of readdirSync(path.join(ROOT, "node_modules"))) {
    if (name === ENGINE || name === `@${ENGINE}` || name.startsWith(".")) continue;
    symlinkSync(path.join(ROOT, "node_modules", name), path.join(modules, name));
  }
  link(path.join(ROOT, "node_modules", ENGINE), path.join(modules, ENGINE), (name) => name !== "gitRelease.bundle");
  const wanted = (name: string) => !name.startsWith("libggml-cpu-") || name === `libggml-cpu-${variant}.so`;
  link(path.join(ROOT, "node_modules/@node-llama-cpp/linux-x64"), path.join(modules, "@node-llama-cpp/linux-x64"), wanted);
  if (!readdirSync(path.join(modules, BINARIES)).includes(`libggml-cpu-${variant}.so`))
    throw new Error(`found no libggml-cpu-${variant}.so in ${BINARIES}, wanted that CPU variant; install node-llama-cpp again`);
  return folder;
}

/** Hard links where the file system allows it: the package is large, and nothing here writes to it. */
function link(from: string, to: string, wanted: (name: string) => boolean): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (!wanted(entry.name)) continue;
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) link(source, target, wanted);
    else {
      try {
        linkSync(source, target);
      } catch {
        copyFileSync(source, target);
      }
    }
  }
}
