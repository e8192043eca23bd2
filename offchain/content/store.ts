import type { Digest } from "./contentId.ts";

/** Most bytes of one piece of content unless the caller says otherwise. */
export const DEFAULT_MAX_BYTES = 1024 * 1024;

export interface ContentLimits {
  signal?: AbortSignal;
  /** Default DEFAULT_MAX_BYTES. */
  maxBytes?: number;
}

/** A place that keeps bytes under their own sha2-256. What `get` returns has been hashed again. */
export interface ContentStore {
  /** Names the store in errors. */
  readonly name: string;
  /** Keeps the bytes; the same bytes may be put again. Throws ContentError. */
  put(bytes: Uint8Array, limits?: Pick<ContentLimits, "signal">): Promise<Digest>;
  /** The bytes under a digest. Throws ContentError, or the signal's reason when aborted. */
  get(digest: Digest, limits?: ContentLimits): Promise<Uint8Array>;
  /** Whether `get` would find them here. A store that cannot be asked counts as without. */
  has(digest: Digest, limits?: Pick<ContentLimits, "signal">): Promise<boolean>;
}

export type ContentErrorCode =
  | "InvalidContentId"
  | "ContentNotFound"
  | "ContentCorrupt"
  | "ContentTooLarge"
  | "PeerLied"
  | "PeerTimeout"
  | "PeerUnavailable"
  | "PeerRefused";

export class ContentError extends Error {
  readonly code: ContentErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  constructor(code: ContentErrorCode, message: string, retryable = false) {
    super(message);
    this.name = "ContentError";
    this.code = code;
    this.retryable = retryable;
  }
}
