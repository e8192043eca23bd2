import { decodePaymentSignatureHeader, encodePaymentRequiredHeader, encodePaymentResponseHeader } from "@x402/core/http";
import { PaymentPayloadV2Schema } from "@x402/core/schemas";
import { Signature, verifyTypedData } from "ethers";
import { z } from "zod";
import { interfaces } from "../chain/abis.ts";
import { ChainRevert } from "../chain/errors.ts";
import type { Sender } from "../chain/sender.ts";
import type { Views } from "../chain/views.ts";
import { ApiError } from "./apiError.ts";

export interface PaymentParts {
  sender: Pick<Sender, "send">;
  views: Pick<Views, "token">;
  chainId: bigint;
  /** Address of COR. */
  token: string;
  /** Who is paid: the router's own address, because anyone may submit an authorisation, and only a plain account is credited by that alone. */
  payTo: string;
  /** Added to what the answer can cost at most. */
  markupPercent: number;
  /** The chain's clock, seconds. */
  now: () => number;
}

/** A payment that is signed for, covers the price, and can be taken now. */
export interface Payment {
  from: string;
  nonce: string;
  amount: bigint;
  /** Under which the request is remembered: one payment, one task. */
  name: string;
  data: string;
}

const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`));
const uint = z.string().regex(/^\d{1,78}$/);
const exact = z.object({
  signature: hex(65),
  authorization: z.object({ from: hex(20), to: hex(20), value: uint, validAfter: uint, validBefore: uint, nonce: hex(32) }),
});

const TYPES = {
  TransferWithAuthorization: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
};
const TRANSFER = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)";
const TOKEN = { name: "Corroborate", version: "1" };
/** An answer may take so long; the authorisation must hold until it is there. */
const ANSWER_SECONDS = 120;

/**
 * x402: whoever has no key pays for each call by a signed ERC-3009 authorisation (scheme "exact"), which the router settles itself once the answer is
 * there. Whoever gets no answer pays nothing.
 */
export class Payments {
  readonly #parts: PaymentParts;

  constructor(parts: PaymentParts) {
    this.#parts = parts;
  }

  /** What an answer costs that can cost the session so much, COR base units. */
  priceOf(worstCase: bigint): bigint {
    return (worstCase * BigInt(100 + this.#parts.markupPercent)) / 100n;
  }

  /** The value of PAYMENT-REQUIRED. */
  required(price: bigint, url: string, error: string): string {
    return encodePaymentRequiredHeader({
      x402Version: 2,
      error,
      resource: { url, description: "A verified answer", mimeType: "application/json" },
      accepts: [this.#requirements(price)],
    });
  }

  /** Checks the value of PAYMENT-SIGNATURE. Throws ApiError 402. */
  async checked(header: string, price: bigint): Promise<Payment> {
    const { views, chainId, token, payTo, now } = this.#parts;
    const { accepted, payload } = decoded(header);
    const { authorization, signature } = payload;
    const { from, to, value, validAfter, validBefore, nonce } = authorization;
    const wanted = this.#requirements(price);
    const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
    if (accepted.scheme !== "exact" || accepted.network !== wanted.network || !same(accepted.asset, token) || !same(to, payTo))
      throw refused(`wanted scheme exact on ${wanted.network}, asset ${token}, paid to ${payTo}`);
    if (BigInt(value) < price) throw refused(`found ${value} COR base units, wanted ${price}`);
    const domain = { ...TOKEN, chainId, verifyingContract: token };
    if (!same(signerOf(domain, authorization, signature), from)) throw refused(`found a signature that is not ${from}'s`);
    if (BigInt(validAfter) > BigInt(now()) || BigInt(validBefore) < BigInt(now() + ANSWER_SECONDS))
      throw refused(`found an authorisation for ${validAfter} to ${validBefore}, wanted one for now and ${ANSWER_SECONDS} more seconds`);
    const balance = (await views.token("balanceOf", [from])) as bigint;
    if (balance < BigInt(value)) throw refused(`found ${balance} COR base units at ${from}, wanted ${value}`);
    const { v, r, s } = Signature.from(signature);
    const data = interfaces.COR.encodeFunctionData(TRANSFER, [from, to, value, validAfter, validBefore, nonce, v, r, s]);
    const name = `x402:${from.toLowerCase()}:${nonce.toLowerCase()}`;
    return { from, nonce, amount: BigInt(value), name, data };
  }

  /** Whether this authorisation was taken already, by whomever. */
  async spent({ from, nonce }: Payment): Promise<boolean> {
    return (await this.#parts.views.token("authorizationState", [from, nonce])) as boolean;
  }

  /** Takes the payment; resolves with the value of PAYMENT-RESPONSE. The same payment is taken once. Throws ApiError 402, ChainError. */
  async settled({ name, data, from, amount }: Payment): Promise<string> {
    const { sender, token, chainId } = this.#parts;
    const receipt = await sender.send({ id: name, to: token, data }).catch((error: unknown) => {
      if (error instanceof ChainRevert) throw refused(`the token refused the transfer (${error.revert})`);
      throw error;
    });
    return encodePaymentResponseHeader({
      success: true,
      payer: from,
      transaction: receipt.hash,
      network: `eip155:${chainId}`,
      amount: String(amount),
    });
  }

  #requirements(price: bigint) {
    const { chainId, token, payTo } = this.#parts;
    const network = `eip155:${chainId}` as const;
    return { scheme: "exact", network, asset: token, amount: String(price), payTo, maxTimeoutSeconds: 2 * ANSWER_SECONDS, extra: TOKEN };
  }
}

function decoded(header: string) {
  try {
    const payload = PaymentPayloadV2Schema.parse(decodePaymentSignatureHeader(header));
    return { accepted: payload.accepted, payload: exact.parse(payload.payload) };
  } catch {
    throw refused("found a header PAYMENT-SIGNATURE that is none of x402 version 2, scheme exact");
  }
}

function signerOf(domain: object, authorization: object, signature: string): string {
  try {
    return verifyTypedData(domain, TYPES, authorization, signature);
  } catch {
    return "";
  }
}

const refused = (why: string) =>
  new ApiError(402, `the payment cannot be taken: ${why}; nothing was charged`, { code: "payment_refused", retryable: false });
