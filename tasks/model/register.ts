import { parseCor } from "../amounts.ts";
import { bytes32, exactlyOne, required, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { fileDigest } from "../fileDigest.ts";
import { type Call, perform } from "../transaction.ts";

interface Args {
  file?: string;
  model?: string;
  name?: string;
  quantisation?: string;
  price?: string;
  contextTokens?: string;
  agreement?: string;
  embedding?: string;
}

export default command(async (context, args: Args) => {
  exactlyOne({ "--file": args.file, "--model": args.model });
  const id = args.file === undefined ? bytes32(args.model!, "--model") : await fileDigest(args.file, "the model's file");
  const description = {
    price: parseCor(required(args.price, "--price", "COR per 1,000 tokens"), "--price"),
    contextTokens: wholeNumber(args.contextTokens, "--context-tokens", 1, 2 ** 24 - 1),
    agreement: wholeNumber(args.agreement, "--agreement", 0, 256),
    registeredAt: 0,
    deprecatedAt: 0,
    embedding: bytes32(required(args.embedding, "--embedding", "0x and 64 hex digits"), "--embedding"),
    quantisation: required(args.quantisation, "--quantisation", "a class of precision like F16"),
    name: required(args.name, "--name", "a short name"),
  };
  const register: Call = { module: "ModelRegistry", method: "register", args: [id, description] };
  return await perform(context, [register], () => ({ model: id, name: description.name }));
});
