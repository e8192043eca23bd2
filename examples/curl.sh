#!/bin/sh
# An answer that several nodes agreed on, and what proves it.
BASE=${BASE_URL:-http://127.0.0.1:8080/v1}

curl -sS --fail-with-body "$BASE/chat/completions" \
  -H "authorization: Bearer ${API_KEY:-none}" -H 'content-type: application/json' --retry 5 --retry-all-errors \
  -d '{"model": "toy-world-f16", "messages": [{"role": "user", "content": "What is the capital of Peru?"}]}'
