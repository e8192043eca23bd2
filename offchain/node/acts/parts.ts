import type { SigningKey } from "ethers";
import { interfaces, type ModuleName } from "../../chain/abis.ts";
import type { Head } from "../../chain/cursor.ts";
import type { Views } from "../../chain/views.ts";
import type { Deployment } from "../../chain/deployment.ts";
import type { Sender } from "../../chain/sender.ts";
import type { Intent } from "../../chain/senderStore.ts";
import type { KeyBoxes } from "../../content/keyBoxes.ts";
import type { LiveAnswers } from "../../content/live.ts";
import type { LocalStore } from "../../content/localStore.ts";
import type { Engine } from "../../inference/engine.ts";
import type { Logger } from "../../runtime/log.ts";
import type { Action } from "../decide.ts";
import type { Journal } from "../journal.ts";
import type { VerdictStore } from "../verdictStore.ts";
import type { World } from "../world.ts";
import type { RoundParts } from "./rounds.ts";

/** What acts work with. */
export interface ActsParts {
  deployment: Deployment;
  node: number;
  engine: Engine;
  sender: Sender;
  journal: Journal;
  world: World;
  /** Results that nobody may see yet. */
  results: LocalStore;
  /** What the content routes serve. */
  content: LocalStore;
  live?: LiveAnswers;
  boxes?: KeyBoxes;
  key: SigningKey;
  /** What a commitment that is not opened costs this node, COR base units. */
  unopenedPenalty: bigint;
  log: Logger;
  /** Whether results go to a sink too. */
  sink?: boolean;
  /** Told how long after the event in a block inference began, and how long it took; seconds. */
  onInferenceStart?: (secondsAfterLog: number) => void;
  onInference?: (seconds: number) => void;
  poison?: string | undefined;
  /** Sha256 of the model that claims name instead of the one that runs; to make a cheat in tests on a local chain. */
  posing?: string | undefined;
  /** Rounds of network work, where the node takes part in them. */
  rounds?: RoundParts;
  /** The node's own verdicts, where it judges. */
  verdicts?: VerdictStore;
  /** Thresholds of the model's genuineness, where the registry has them. */
  genuineness?: Views["genuineness"];
}

/** How one kind of action is carried out. Resolves when the chain or the carrier has it; throws what the edges throw. */
export type Act<Kind extends Action["kind"]> = (action: Extract<Action, { kind: Kind }>, head: Head, signal: AbortSignal) => Promise<void>;

/** The acts of a role, by the kinds that it decides on. */
export type ActsOf<Kind extends Action["kind"]> = { [K in Kind]: Act<K> };

/** A reveal that settles costs more than the one that was simulated before the others came in. */
export const SETTLING_HEADROOM = 1_500_000n;

/** Sends a call of a module, once for each id. */
export async function sendCall(
  { sender, deployment }: Pick<ActsParts, "sender" | "deployment">,
  id: string,
  [module, method, args]: [module: ModuleName, method: string, args: unknown[]],
  limits: Pick<Intent, "headroom" | "deadline" | "worth" | "reserveGas"> = {},
): Promise<void> {
  const data = interfaces[module].encodeFunctionData(method, args);
  await sender.send({ id, to: deployment.addresses[module], data, ...limits });
}
