/** Verified answers from an application: over a router (web2) or by a wallet (web3), with one result that the chain alone can confirm. */
export { connect, type Endpoint } from "../chain/endpoint.ts";
export { type Deployment, deploymentFromRuntime, parseDeployment, readDeployment } from "../chain/deployment.ts";
export { type Client, type ClientEvent, type CompleteOptions, type CompleteRequest, type Proof, type Result, SdkError } from "./result.ts";
export { routerClient, type RouterClientOptions } from "./routerClient.ts";
export { type Sessions, type SessionTerms, walletSessions, type WalletOn } from "./sessions.ts";
export { type Check, verify } from "./verify.ts";
export { walletClient, type WalletClientOptions } from "./walletClient.ts";
export { type AnchoredCheckpoint, AnchorProofFailed, proveOnAnchor } from "./anchorProof.ts";
