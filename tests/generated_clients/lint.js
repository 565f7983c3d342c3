// Checks an OpenAPI document by Redocly's rules: node lint.js RULES DOCUMENT. Prints what is wrong, and fails if anything is.

import { formatProblems, getTotals, lint, loadConfig } from "@redocly/openapi-core";

const [rules, document] = process.argv.slice(2);
const config = await loadConfig({ configPath: rules });
const problems = await lint({ ref: document, config });
formatProblems(problems, { format: "codeframe", totals: getTotals(problems), version: "" });
process.exitCode = problems.length > 0 ? 1 : 0;
