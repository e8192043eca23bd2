#!/usr/bin/env node
import { main } from "./commandLine.ts";

await main(process.argv);
