// The official client, unchanged: only the address is another.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env["BASE_URL"] ?? "http://127.0.0.1:8080/v1", apiKey: process.env["API_KEY"] ?? "none" });

const stream = await client.chat.completions.create({
  model: "toy-world-f16",
  messages: [{ role: "user", content: "What is the capital of Peru?" }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  // Tokens come from one node while it writes; the last chunk says that the others agreed, and where the chain says so.
  const { verdict, task } = (chunk as unknown as { verification: { verdict: string; task: string } }).verification;
  if (verdict === "verified") console.log(`\nverified: task ${task}`);
}
