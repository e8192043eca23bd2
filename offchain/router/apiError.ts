import { ChainError, ChainRevert } from "../chain/errors.ts";
import { EngineError } from "../inference/engine.ts";
import { ManifestError } from "../protocol/manifest.ts";
import { oneLine } from "../runtime/exit.ts";

export type ErrorType =
  "invalid_request_error" | "authentication_error" | "permission_error" | "insufficient_quota" | "rate_limit_error" | "server_error";

interface Refusal {
  code: string;
  /** Name of the field that is wrong. */
  param?: string;
  /** Seconds after which it may work. */
  retryAfter?: number;
  /** More about it, as further keys of the error. Amounts are strings of COR base units. */
  details?: Record<string, string | number>;
  /** Whether the same request may succeed later; without it, the status decides. */
  retryable?: boolean;
}

/** What a client is told instead of an answer, in the form of OpenAI's errors. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: ErrorType;
  readonly code: string;
  readonly param: string | null;
  readonly retryAfter: number | undefined;
  readonly details: Record<string, string | number>;
  readonly retryable: boolean;
  constructor(status: number, message: string, { code, param, retryAfter, details = {}, retryable }: Refusal) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.type = typeOf(status);
    this.code = code;
    this.param = param ?? null;
    this.retryAfter = retryAfter;
    this.details = details;
    this.retryable = retryable ?? (RETRYABLE.includes(status) || retryAfter !== undefined);
  }

  /** Headers that tell official clients whether and when to come again. What may still be paid for is not to be asked twice without a name. */
  get headers(): Record<string, string> {
    const { retryAfter, code } = this;
    return {
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter), "retry-after-ms": String(retryAfter * 1_000) }),
      ...(PAID_TWICE.includes(code) && { "x-should-retry": "false" }),
    };
  }

  /** The answer's body. */
  get body(): { error: Record<string, unknown> } {
    const { message, type, param, code, retryable, details } = this;
    return { error: { message, type, param, code, retryable, task_id: null, ...details } };
  }
}

/** A task was or may be on chain: the same request under an Idempotency-Key finds it, without one it makes another. */
const PAID_TWICE = ["submit_expired", "deadline_passed", "content_unavailable", "timeout"];
const RETRYABLE = [408, 409, 429, 502, 503, 504];

function typeOf(status: number): ErrorType {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 402) return "insufficient_quota";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

/** What a client is told about any error. Nothing of the inside (stacks, paths, addresses of servers) is in it. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ChainRevert) return ofRevert(error);
  if (error instanceof EngineError) return ofEngine(error);
  if (error instanceof ChainError) return ofChain(error);
  if (error instanceof ManifestError) return new ApiError(400, error.message, { code: "invalid_request" });
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500)
    return new ApiError(statusCode, oneLine(error), { code: FASTIFY[String(code)] ?? "invalid_request" });
  return new ApiError(500, "the router failed at this request; its log says why", { code: "internal_error" });
}

/** The codes of Fastify's own refusals. */
const FASTIFY: Record<string, string> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "request_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
  FST_ERR_CTP_INVALID_JSON_BODY: "invalid_json",
  FST_ERR_CTP_EMPTY_JSON_BODY: "invalid_json",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid_request",
};

/** The session cannot pay; amounts are COR base units. */
export function insufficientFunds(have: string, need: string): ApiError {
  const message = `the session has ${have} available, and this request must lock ${need} (COR base units); nothing was charged; deposit more`;
  return new ApiError(402, message, { code: "insufficient_funds", details: { have, need } });
}

/** No nodes are leased, or not for long enough. */
export function noLease(): ApiError {
  const message = "the session has no lease that is long enough for this request; the router is reserving one; try again";
  return new ApiError(503, message, { code: "no_lease", retryAfter: 5 });
}

function ofRevert({ revert, args }: ChainRevert): ApiError {
  const [found, wanted] = [amount(args["found"]), amount(args["wanted"])];
  switch (revert) {
    case "SessionPaymentInsufficient":
      return insufficientFunds(found, wanted);
    case "SessionLeaseTooShort":
      return noLease();
    case "NodePoolTooFewNodes":
      return new ApiError(503, `found ${found} free nodes, wanted ${wanted}; try again`, { code: "too_few_nodes", retryAfter: 10 });
    case "SessionQueueRingFull":
      return new ApiError(429, "the session has as many open tasks as it can; try again", { code: "too_many_requests", retryAfter: 2 });
    default:
      return new ApiError(503, `the contracts refused the request: ${revert}; nothing was charged`, { code: "refused_by_contracts" });
  }
}

const amount = (value: unknown): string => (typeof value === "bigint" || typeof value === "number" ? String(value) : "unknown");

function ofEngine({ code, message }: EngineError): ApiError {
  if (code === "InvalidRequest") return new ApiError(400, message, { code: "invalid_request" });
  if (code === "PromptTooLong") return new ApiError(400, message, { code: "context_length_exceeded", param: "messages" });
  if (code === "EngineBusy")
    return new ApiError(429, "too many requests are waiting; try again", { code: "too_many_requests", retryAfter: 1 });
  if (code === "EngineClosed") return new ApiError(503, "the router is ending; try again elsewhere", { code: "shutting_down" });
  return new ApiError(500, "the router could not count the prompt's tokens; try again", { code: "engine_error" });
}

function ofChain({ code }: ChainError): ApiError {
  if (code === "FundsShort")
    return new ApiError(503, "the router is out of gas money; nothing was charged; its operator must send it some", {
      code: "router_out_of_gas",
    });
  if (code === "LaneFull")
    return new ApiError(429, "too many transactions wait to be mined; try again", { code: "too_many_requests", retryAfter: 2 });
  if (code === "Expired")
    return new ApiError(504, "the task was not submitted in time; nothing was charged; try again", {
      code: "submit_expired",
      retryAfter: 5,
    });
  return new ApiError(503, "the router cannot reach the chain; try again", { code: "chain_unavailable", retryAfter: 5 });
}
