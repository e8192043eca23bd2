import { render } from "preact";
import { App } from "./app.tsx";
import "./styles.css";

// The SDK, which comes later, checks forms with zod; that tries whether it may make functions from text, which this page forbids.
Object.assign(globalThis, { __zod_globalConfig: { jitless: true } });

render(<App />, document.getElementById("app")!);
