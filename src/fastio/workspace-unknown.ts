/** What is said of a workspace that a rule names and nobody here knows, and what to do. */
export const WORKSPACE_UNKNOWN = {
  message: "no workspace of this id or name can be seen with this key",
  nextAction: "Correct the rule, or invite the relay's account to the workspace.",
} as const;
