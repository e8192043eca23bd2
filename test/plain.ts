/** What terms and facts say where a session asks for nothing beyond agreement. */
export const PLAIN_RULES = { service: 0, standby: false, assured: false, level: 0, widen: false };
export const PLAIN_TERMS = { ...PLAIN_RULES, assurance: 0n };
export const PLAIN_FACTS = { commitWindow: 100, attempt: 0, standby: false, stoodIn: false, judged: false };
