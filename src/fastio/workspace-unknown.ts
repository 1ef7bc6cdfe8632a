/** What is said of a workspace that a rule names and nobody here knows, and what to do. */
export const WORKSPACE_UNKNOWN = {
  message: "no workspace of this id or name can be seen with this key",
  nextAction: "Correct the rule, or invite the relay's account to the workspace.",
} as const;

/** What is said of an archived one, which nobody works in. */
export const WORKSPACE_ARCHIVED = {
  message: "the workspace is archived",
  nextAction: "Take it out of the archive in Fast.io, or pause or correct the rule.",
} as const;
