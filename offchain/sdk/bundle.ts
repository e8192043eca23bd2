import { abis } from "../chain/abis.ts";

/** What a bundler must put in place of names when it bundles the SDK for a browser: vite's, rolldown's or esbuild's `define`. */
export const bundleDefines: Record<string, string> = { CORROBORATE_ABIS: JSON.stringify(abis) };
