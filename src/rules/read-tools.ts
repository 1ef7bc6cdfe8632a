import { TOOL_TOKEN_NAME } from "../config.ts";
import { type Complaint, describeIssue } from "./describe-issue.ts";
import { quote } from "./quote.ts";
import { type ToolGrant, ToolGrantSchema } from "./tools-schema.ts";

/** What tokens may do, by their names. */
export type ToolGrants = Readonly<Record<string, ToolGrant>>;

const MAX_TOKENS = 100;

/** Checks what stands under `tools:`. @param value undefined when the file has no such key */
export function readTools(value: unknown): { readonly tools: ToolGrants; readonly complaints: readonly Complaint[] } {
  const complain = (message: string) => ({ tools: {}, complaints: [{ path: ["tools"], message }] });
  if (value === undefined) return { tools: {}, complaints: [] };
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return complain('must be a map from names of tokens, such as "agent-a:", to what each may do');
  const entries = Object.entries(value);
  if (entries.length > MAX_TOKENS) return complain(`has more than ${MAX_TOKENS} entries`);
  const tools: Record<string, ToolGrant> = {};
  const complaints: Complaint[] = [];
  for (const [name, grant] of entries) {
    if (!TOOL_TOKEN_NAME.test(name)) {
      const message = `${quote(name)} must be 1 to 63 small letters, digits and hyphens, and not start with a hyphen`;
      complaints.push({ path: ["tools"], key: name, message });
      continue;
    }
    const parsed = ToolGrantSchema.safeParse(grant);
    if (parsed.success) tools[name] = parsed.data;
    for (const issue of parsed.error?.issues ?? [])
      for (const complaint of describeIssue(issue, grant, "tools"))
        complaints.push({ ...complaint, path: ["tools", name, ...complaint.path] });
  }
  return { tools, complaints };
}

/** Names of tokens that the rules file says nothing of: they may do nothing, which is a slip of the pen. */
export const idleTokens = (tools: ToolGrants, tokens: readonly { readonly name: string }[]): readonly string[] =>
  tokens.map(({ name }) => name).filter((name) => !Object.hasOwn(tools, name));

export const sayIdleTokens = (idle: readonly string[]): string =>
  `TOOLS_TOKEN has tokens of which the rules file does not say under tools: what they may do: ${idle.join(", ")}`;
