/** Names, ids and limits of the sample world the emulator starts with; all are made up. */
export const FASTIO_EMULATOR_DEFAULTS = {
  /** API key of the account the relay uses. */
  relayKey: "fastio-relay-key",
  relayUserId: "2947763503651577469",
  relayEmail: "agent@example.test",
  relayPassword: "relay-password-1",
  /** API key of the person who drops files. */
  personKey: "fastio-person-key",
  personUserId: "2947763503651577470",
  personEmail: "person@example.test",
  personPassword: "person-password-1",
  orgId: "1117763504443666001",
  orgDomain: "acme",
  workspaceId: "3117763504443666597",
  workspaceName: "Dify-Outputs",
  workspaceFolderName: "dify-outputs",
  apiPath: "/current",
} as const;
