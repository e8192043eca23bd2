import type { TaskEntry } from "../chain/taskBook.ts";
import { commitmentOf, type Domain } from "../protocol/commitment.ts";
import type { Secret } from "../protocol/handover.ts";
import type { TaskTerms } from "../protocol/types.ts";
import type { CarriedOpening, CarriedStore } from "./carriedStore.ts";

/** Openings of a task by seat: those that are public, and those held that make the commitments on chain (which a reorganisation can change). */
export function secretsOf(
  { task, attempt, terms, commits, openings }: TaskEntry,
  store: CarriedStore,
  domain: Domain,
): Map<number, Secret> {
  const held = store.openings(task).filter((opening) => {
    const committed = commits.find(({ seat }) => seat === opening.seat);
    return committed?.node === opening.node && commitmentBy(opening, terms, attempt, domain) === committed.commitment;
  });
  return new Map([...held.map(({ seat, answers, claim, salt }) => [seat, { answers, claim, salt }] as const), ...openings]);
}

/** What an opening commits to, worked out once: it hashes all answers of a task. */
function commitmentBy(opening: CarriedOpening, terms: TaskTerms, attempt: number, domain: Domain): string {
  const known = worked.get(opening);
  // A reorganisation may bring other terms under the same number: these are other objects.
  if (known?.attempt === attempt && known.terms === terms) return known.commitment;
  const { task, node, answers, claim, salt } = opening;
  const commitment = commitmentOf(domain, task, node, terms, answers, claim, salt, attempt);
  worked.set(opening, { attempt, terms, commitment });
  return commitment;
}

const worked = new WeakMap<CarriedOpening, { attempt: number; terms: TaskTerms; commitment: string }>();
