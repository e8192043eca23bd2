import {
  LlamaGrammarEvaluationState,
  type Llama,
  type LlamaContextSequence,
  type LlamaGrammar,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";
import type { AnswerFormat, JsonSchema } from "./answerFormat.ts";
import { EngineError } from "./engine.ts";
import type { SamplerOptions } from "./sampling.ts";

/**
 * Grammars for controlled evaluation. node-llama-cpp samples by a grammar everywhere but there, so that its resolved sampler configuration is given
 * the grammar's state here: the one place that touches the library's internals, which its exact version keeps still.
 */
interface SamplerConfig {
  repeatPenalty?: object;
}
interface SequenceInternals {
  _resolveSamplerConfig(options: SamplerConfig): Record<string, unknown>;
}
interface StateInternals {
  _state: unknown;
}
interface LlamaInternals {
  _bindings: { AddonSampler: { acceptGrammarEvaluationStateToken(state: unknown, token: Token): void } };
}

/** A position's grammar, found by the one object of its options that reaches the sampler as it is. */
const states = new WeakMap<object, LlamaGrammarEvaluationState>();

/** Lets a sequence sample by the grammars that `constrain` attached. Once for each sequence. */
export function admitGrammars(sequence: LlamaContextSequence): void {
  const internals = sequence as unknown as SequenceInternals;
  const resolve = internals._resolveSamplerConfig.bind(sequence);
  internals._resolveSamplerConfig = (options) => {
    const state = options.repeatPenalty === undefined ? undefined : states.get(options.repeatPenalty);
    if (state === undefined) return resolve(options);
    return { ...resolve(options), grammarEvaluationState: (state as unknown as StateInternals)._state };
  };
}

/** What an answer may still become, token by token. */
export class GrammarRun {
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #state: LlamaGrammarEvaluationState;

  constructor(llama: Llama, model: LlamaModel, grammar: LlamaGrammar) {
    this.#llama = llama;
    this.#model = model;
    this.#state = new LlamaGrammarEvaluationState({ model, grammar });
  }

  /** Sampler options of the next position, which then draws only what the grammar allows. */
  constrain(options: SamplerOptions): SamplerOptions {
    // A copy, because the sampler tells the state what it drew, which a validator's claim may contradict.
    states.set(options.repeatPenalty as object, this.#state.clone());
    return options;
  }

  /** Goes on by one token; false where the grammar does not allow it. */
  accept(token: Token): boolean {
    if (this.#model.isEogToken(token)) return true;
    try {
      const { AddonSampler } = (this.#llama as unknown as LlamaInternals)._bindings;
      AddonSampler.acceptGrammarEvaluationStateToken((this.#state as unknown as StateInternals)._state, token);
      return true;
    } catch {
      return false;
    }
  }
}

/** The library's grammars let an answer end after four new lines; here it ends with the model's own end token. */
const TAIL = / "(\\n)+" \[\\n\]\*$/m;

/** The grammar of a format. Throws EngineError InvalidRequest where none can be made of the schema. */
export async function grammarOf(llama: Llama, format: AnswerFormat): Promise<LlamaGrammar> {
  try {
    const schema = format.type === "json_object" ? ANY_OBJECT : forLibrary(format.schema);
    const { grammar } = await llama.createGrammarForJsonSchema(schema as never);
    return await llama.createGrammar({ grammar: grammar.replace(TAIL, "") });
  } catch (error) {
    throw new EngineError("InvalidRequest", `found a JSON schema that makes no grammar: ${(error as Error).message}`);
  }
}

const ANY_OBJECT = { type: "object", additionalProperties: true };

/** The library knows oneOf and not anyOf; for a grammar they are the same. */
function forLibrary({ anyOf, oneOf, properties, items, $defs, ...rest }: JsonSchema): Record<string, unknown> {
  const choices = anyOf ?? oneOf;
  const each = (parts: Record<string, JsonSchema>) =>
    Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, forLibrary(part)]));
  return {
    ...rest,
    ...(choices !== undefined && { oneOf: choices.map(forLibrary) }),
    ...(properties !== undefined && { properties: each(properties) }),
    ...(items !== undefined && { items: forLibrary(items) }),
    ...($defs !== undefined && { $defs: each($defs) }),
  };
}
