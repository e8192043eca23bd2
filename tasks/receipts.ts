import type { Result, TransactionReceipt } from "ethers";
import { interfaces, type ModuleName } from "../offchain/chain/abis.ts";

/** What transactions left behind. */
export class Receipts {
  readonly #receipts: TransactionReceipt[];
  constructor(receipts: TransactionReceipt[]) {
    this.#receipts = receipts;
  }

  /** Arguments of every event with this name, in order. */
  events(module: ModuleName, name: string): Result[] {
    return this.#receipts.flatMap(({ logs }) =>
      logs.flatMap((log) => {
        const parsed = interfaces[module].parseLog(log);
        return parsed?.name === name ? [parsed.args] : [];
      }),
    );
  }

  /** The one event with this name. Throws where there is none: then the contracts are not the ones of this build. */
  event(module: ModuleName, name: string): Result {
    const found = this.events(module, name).at(-1);
    if (found === undefined) throw new Error(`found no event ${module}.${name}, wanted the contracts of this build; deploy them again`);
    return found;
  }
}
