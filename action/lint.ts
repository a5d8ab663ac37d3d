// What GitHub would refuse, in the words of its own parser: `lint ACTION WORKFLOW…` reads the definition of this action and
// workflows, says what is wrong in them and where, and fails if anything is.

import { readFileSync } from "node:fs";

import * as github from "@actions/workflow-parser";
import { convertActionTemplate, parseAction } from "@actions/workflow-parser/actions/index";
import type { TemplateContext } from "@actions/workflow-parser/templates/template-context";
import { TemplateToken } from "@actions/workflow-parser/templates/tokens/template-token";

/** What GitHub knows of an input. It takes other words, and does nothing about them. */
const OF_AN_INPUT = ["description", "required", "default", "deprecationMessage"];
/** How a workflow names this action, whoever keeps it. */
const THIS_ACTION = /^(\.|[^/]+\/sci)\/action(@|$)/;

const trace = new github.NoOperationTraceWriter();

/** Reads the action, and gives the names of its inputs. */
function readAction(name: string): string[] {
  const { context, value } = parseAction({ name, content: readFileSync(name, "utf8") }, trace);
  if (value !== undefined) convertActionTemplate(context, value);
  const inputs = entries(property(value, "inputs"));
  for (const { value } of inputs) refuseOthers(context, value, OF_AN_INPUT);
  report(name, context);
  return inputs.map(({ key }) => key.toString());
}

/** Reads a workflow. What it gives this action has to be among the inputs, which GitHub says only in a job's log. */
async function readWorkflow(name: string, inputs: string[]): Promise<void> {
  const { context, value } = github.parseWorkflow({ name, content: readFileSync(name, "utf8") }, trace);
  if (value !== undefined) {
    // The rest of what there is to be refused: jobs that need one another, and times that are none.
    await github.convertWorkflowTemplate(context, value);
    for (const [, token] of TemplateToken.traverse(value)) {
      if (THIS_ACTION.test(property(token, "uses")?.toString() ?? "")) refuseOthers(context, property(token, "with"), inputs);
    }
  }
  report(name, context);
}

function refuseOthers(context: TemplateContext, mapping: TemplateToken | undefined, known: string[]): void {
  for (const { key } of entries(mapping)) {
    if (!known.includes(key.toString())) context.error(key, new Error(`Unexpected value '${key.toString()}'`));
  }
}

function property(token: TemplateToken | undefined, name: string): TemplateToken | undefined {
  return entries(token).find(({ key }) => key.toString() === name)?.value;
}

function entries(token: TemplateToken | undefined) {
  return token !== undefined && github.isMapping(token) ? [...token] : [];
}

function report(name: string, context: TemplateContext): void {
  for (const { rawMessage, range } of context.errors.getErrors()) {
    const { line, column } = range?.start ?? { line: 1, column: 1 };
    console.error(`${name}:${line}:${column}: ${rawMessage}`);
    process.exitCode = 1;
  }
}

const [action = "action.yml", ...workflows] = process.argv.slice(2);
const inputs = readAction(action);
void Promise.all(workflows.map((name) => readWorkflow(name, inputs)));
