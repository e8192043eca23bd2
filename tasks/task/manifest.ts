import { digestOf } from "../../offchain/content/contentId.ts";
import { LocalStore } from "../../offchain/content/localStore.ts";
import { manifestBytes } from "../../offchain/protocol/manifest.ts";
import { bytes32, exactlyOne, required, wholeNumber } from "../arguments.ts";
import { Refusal } from "../failure.ts";

export interface ManifestArgs {
  manifest?: string;
  prompt?: string;
  content?: string;
  temperature: string;
  seed: string;
}

/** Content that a task refers to, not yet kept where it was built here. */
export interface ManifestMeant {
  digest: string;
  keep: () => Promise<void>;
}

/** The manifest that the options mean: one that exists, or one made from --prompt. Throws Refusal, ManifestError. */
export function manifestMeant(args: ManifestArgs, maxTokens: number): ManifestMeant {
  exactlyOne({ "--manifest": args.manifest, "--prompt": args.prompt });
  if (args.prompt === undefined) return { digest: bytes32(args.manifest!, "--manifest"), keep: async () => {} };
  const folder = required(args.content, "--content", "the folder of a content store that the nodes can fetch the prompt from");
  const bytes = manifestBytes({
    v: 1,
    service: "chat",
    prompts: [{ messages: [{ role: "user", content: args.prompt }] }],
    sampling: {
      temperature: temperatureOf(args.temperature),
      topP: 1,
      topK: 0,
      seed: wholeNumber(args.seed, "--seed"),
      maxTokens,
      stop: [],
      frequencyPenalty: 0,
      presencePenalty: 0,
      repeatPenalty: 1,
    },
  });
  const keep = async () => {
    await (await LocalStore.open(folder)).put(bytes);
  };
  return { digest: digestOf(bytes), keep };
}

function temperatureOf(text: string): number {
  const value = /^\d{1,2}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (!(value >= 0 && value <= 2))
    throw new Refusal("ArgumentInvalid", `found --temperature ${JSON.stringify(text)}, wanted a number from 0 to 2; see --help`);
  return value;
}
