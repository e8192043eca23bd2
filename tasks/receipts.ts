import type { Result, TransactionReceipt } from "ethers";
import { type Target, targetAbi, targetName } from "./beside.ts";

/** What transactions left behind. */
export class Receipts {
  readonly #receipts: TransactionReceipt[];
  constructor(receipts: TransactionReceipt[]) {
    this.#receipts = receipts;
  }

  /** Arguments of every event with this name, in order. */
  events(target: Target, name: string): Result[] {
    return this.#receipts.flatMap(({ logs }) =>
      logs.flatMap((log) => {
        const parsed = targetAbi(target).parseLog(log);
        return parsed?.name === name ? [parsed.args] : [];
      }),
    );
  }

  /** Where the last transaction that created a contract put it. */
  created(): string {
    const found = this.#receipts.findLast(({ contractAddress }) => contractAddress !== null)?.contractAddress;
    if (found === undefined || found === null) throw new Error("found no created contract, wanted one; look the transactions up");
    return found;
  }

  /** The one event with this name. Throws where there is none: then the contracts are not the ones of this build. */
  event(target: Target, name: string): Result {
    const found = this.events(target, name).at(-1);
    if (found === undefined)
      throw new Error(`found no event ${targetName(target)}.${name}, wanted the contracts of this build; deploy them again`);
    return found;
  }
}
