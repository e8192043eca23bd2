// Many prompts in one request: several committees answer parts of it at the same time; the answers come in order.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env["BASE_URL"] ?? "http://127.0.0.1:8080/v1", apiKey: process.env["API_KEY"] ?? "none" });

const countries = ["Peru", "Italy", "Spain", "Japan", "France"];
const prompt = countries.flatMap((one) => Array.from({ length: 4 }, () => `What is the capital of ${one}?`));
const reply = await client.completions.create({ model: "toy-world-f16", prompt, max_tokens: 32 });

for (const { index, text } of reply.choices) console.log(`${prompt[index]} ${text}`);
const { prompts, charged } = (reply as unknown as { verification: { prompts: { task: string }[]; charged: string } }).verification;
console.log(`${new Set(prompts.map(({ task }) => task)).size} tasks, ${charged} COR base units`);
