import type { TaskEntry } from "../chain/taskBook.ts";
import { commitmentOf, type Domain } from "../protocol/commitment.ts";
import type { Secret } from "../protocol/handover.ts";
import type { CarriedStore } from "./carriedStore.ts";

/** Openings of a task by seat: those that are public, and those held that make the commitments on chain (which a reorganisation can change). */
export function secretsOf(
  { task, attempt, terms, commits, openings }: TaskEntry,
  store: CarriedStore,
  domain: Domain,
): Map<number, Secret> {
  const held = store.openings(task).filter(({ seat, node, answers, claim, salt }) => {
    const committed = commits.find((commit) => commit.seat === seat);
    return committed?.node === node && commitmentOf(domain, task, node, terms, answers, claim, salt, attempt) === committed.commitment;
  });
  return new Map([...held.map(({ seat, answers, claim, salt }) => [seat, { answers, claim, salt }] as const), ...openings]);
}
