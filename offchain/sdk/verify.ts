import { getBytes } from "ethers";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { createViews } from "../chain/views.ts";
import { digestOf } from "../content/contentId.ts";
import { seal } from "../content/sealing.ts";
import { applyChanges, decodeAnswers, decodeOutcomes } from "../protocol/answers.ts";
import { committee, decidingBlock, taskSeed } from "../protocol/draw.ts";
import { judge } from "../protocol/sketch.ts";
import { Comparison, Status } from "../protocol/types.ts";
import { evidenceOf } from "./evidence.ts";
import type { Result } from "./result.ts";

/** One thing that was checked, with what was found. */
export interface Check {
  name: "settled" | "text" | "draw" | "committee" | "judging";
  ok: boolean;
  detail: string;
}

/**
 * Checks a result against the chain alone, whoever handed it over: the text hashes to the digest that was accepted, the committee follows from the
 * block that decided it and from the lease, and the sketches on chain agree under the task's terms. A sealed result's text is sealed again with its
 * key, which gives the same bytes. Throws what the RPC server makes it throw.
 */
export async function verify(
  { text, key, proof }: Pick<Result, "text" | "key" | "proof">,
  { endpoint, deployment }: { endpoint: Endpoint; deployment: Deployment },
): Promise<{ ok: boolean; checks: Check[] }> {
  const checks: Check[] = [];
  const check = (name: Check["name"], ok: boolean, detail: string) => checks.push({ name, ok, detail });
  const done = () => ({ ok: checks.every(({ ok }) => ok), checks });
  const task = BigInt(proof.task);
  const receipt = await endpoint.provider.getTransactionReceipt(proof.transactions.submitted);
  const evidence = await evidenceOf(endpoint, deployment, task, receipt?.blockNumber ?? deployment.blockNumber);
  const settled = evidence?.settled;
  const born = evidence?.queued.transaction === proof.transactions.submitted && evidence.queued.session === proof.session;
  check(
    "settled",
    born && settled?.status === Status.Accepted && settled.transaction === proof.transactions.settled,
    `task ${task} of session ${evidence?.queued.session}: status ${settled?.status ?? "none"} in ${settled?.transaction ?? "no transaction"}`,
  );
  if (evidence === undefined || settled?.status !== Status.Accepted) return done();

  const { terms, seedBlock } = evidence.queued;
  const outcome = decodeOutcomes(settled.outcomes)[proof.prompt];
  const answersAt = (seat: number) => decodeAnswers(applyChanges(settled.base, evidence.changes.get(seat) ?? "0x"))[proof.prompt];
  const canonical = outcome?.canonicalSeat == null ? undefined : answersAt(outcome.canonicalSeat);
  const plain = new TextEncoder().encode(text);
  const found = digestOf(key === undefined ? plain : seal(getBytes(key), plain));
  check(
    "text",
    found === proof.digest && found === canonical?.digest,
    `the text hashes to ${found}, accepted is ${canonical?.digest ?? "none"}`,
  );

  const views = createViews(endpoint, deployment);
  const first = await endpoint.provider.getTransactionReceipt(settled.transaction);
  // Commitments come within 256 blocks of the seed's, or the deciding block is a later one.
  const candidates = [decidingBlock(seedBlock, seedBlock + 1), decidingBlock(seedBlock, first?.blockNumber ?? seedBlock + 1)];
  const blocks = await Promise.all(candidates.map(async (number) => await endpoint.provider.getBlock(number)));
  const seed = blocks.flatMap((block) => (block?.hash == null ? [] : [taskSeed(block.hash, task)])).find((one) => one === evidence.seed);
  check(
    "draw",
    seed !== undefined,
    `the seed ${evidence.seed} ${seed === undefined ? "does not follow" : "follows"} from block ${candidates[0]}`,
  );

  const lease = evidence.queued.lease === 0 ? (await views.facts(task)).lease : evidence.queued.lease;
  const seats = committee((await views.lease(lease)).nodes, evidence.seed ?? 0n, terms.redundancy);
  const seated = evidence.commits.every(({ seat, node }) => seats[seat] === node);
  const told = proof.committee.every(
    ({ seat, node, accepted }) => seats[seat] === node && accepted === ((((outcome?.accepted ?? 0) >> seat) & 1) === 1),
  );
  check(
    "committee",
    seated && told && proof.committee.length === terms.redundancy,
    `the lease and the seed seat nodes ${seats.join(", ")}`,
  );

  const places = seats.map((_, seat) => seat).filter((seat) => (settled.seats >> seat) & 1);
  const given = places.map((seat) => answersAt(seat)!);
  const digests = given.map(({ digest }) => digest);
  const sketches = given.map(({ sketch }) => sketch);
  const verdict = judge(digests, sketches, terms.comparison === Comparison.Exact, terms.threshold, terms.quorum);
  const accepted = places.reduce((sum, seat, place) => ((verdict.accepted >> place) & 1 ? sum | (1 << seat) : sum), 0);
  const same = verdict.agreed && places[verdict.canonical] === outcome?.canonicalSeat && accepted === outcome?.accepted;
  check("judging", same, `${given.length} sketches within ${terms.threshold} of 256 bits give seats ${accepted.toString(2)}`);
  return done();
}
