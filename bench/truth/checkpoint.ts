import { readFileSync, writeFileSync } from "node:fs";
import { readGgufFileInfo } from "node-llama-cpp";
import { fromF16, toF16 } from "../../models/make/gguf.mjs";
import { rng } from "../../models/world.mjs";

const F16 = 1;

/**
 * Another checkpoint of the same shape: every F16 weight times 1 + sigma * (a normal number). Real checkpoints of one model lie farther apart than
 * a few percent, so this is the harder case.
 */
export async function writeCheckpoint(from: string, to: string, sigma: number, seed: number): Promise<void> {
  const { fullTensorInfo } = await readGgufFileInfo(from, { logWarnings: false });
  const bytes = readFileSync(from);
  const random = rng(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  for (const { ggmlType, dimensions, fileOffset } of fullTensorInfo ?? []) {
    if (Number(ggmlType) !== F16) continue;
    const end = Number(fileOffset) + 2 * dimensions.reduce<number>((size, dimension) => size * Number(dimension), 1);
    for (let at = Number(fileOffset); at < end; at += 2)
      bytes.writeUInt16LE(toF16(fromF16(bytes.readUInt16LE(at)) * (1 + sigma * normal())), at);
  }
  writeFileSync(to, bytes);
}
