import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { EXIT, Fatal } from "../../runtime/exit.ts";
import { lockDirectory } from "../../runtime/instanceLock.ts";
import type { NodeConfig } from "../config.ts";
import { Journal } from "../journal.ts";
import type { Report } from "./output.ts";

/**
 * The interchange format: which commitment a key has made for which seat, and nothing secret. A node that has taken such a file in refuses to
 * make another commitment for a seat in it, wherever it runs and whatever its own journal has lost.
 */
const schema = z.strictObject({
  metadata: z.strictObject({ format: z.literal("corroborate-commitments"), version: z.literal(1), chainId: z.string(), queue: z.string() }),
  data: z.array(
    z.strictObject({
      task: z.string().regex(/^\d{1,20}$/),
      seat: z.int().min(0).max(255),
      attempt: z.int().min(0).max(255),
      commitment: z.string().regex(/^0x[0-9a-f]{64}$/),
    }),
  ),
});

/** Writes every commitment of the journal. */
export function exportJournal({ data }: NodeConfig, file: string): Report {
  const source = path.join(data, "journal.db");
  const binding = Journal.bindingIn(source);
  if (binding === undefined) throw new Fatal(EXIT.integrity, `found no journal at ${source}, wanted one; give the right --data`);
  const journal = new Journal(source, BigInt(binding.chainId), binding.queue);
  try {
    const commitments = journal.commitments();
    const metadata = { format: "corroborate-commitments", version: 1, ...binding };
    writeFileSync(file, `${JSON.stringify({ metadata, data: commitments }, null, 2)}\n`, { mode: 0o600 });
    return { data: { file, commitments: commitments.length }, lines: [`✔ ${commitments.length} commitments in ${file}`] };
  } finally {
    journal.close();
  }
}

/** Takes in what another journal has committed. Throws Fatal (integrity) where it contradicts this journal, Fatal (inUse) while the node runs. */
export function importJournal({ data }: NodeConfig, file: string): Report {
  const parsed = schema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Fatal(
      EXIT.integrity,
      `found ${file} malformed (${issue?.path.join(".")}: ${issue?.message}), wanted what journal export writes`,
    );
  }
  const { metadata, data: commitments } = parsed.data;
  const unlock = lockDirectory(data);
  try {
    const journal = new Journal(path.join(data, "journal.db"), BigInt(metadata.chainId), metadata.queue);
    try {
      for (const { task, seat, attempt, commitment } of commitments) journal.bindSeat(BigInt(task), seat, attempt, commitment);
    } finally {
      journal.close();
    }
  } finally {
    unlock();
  }
  return { data: { file, commitments: commitments.length }, lines: [`✔ ${commitments.length} commitments taken in from ${file}`] };
}
