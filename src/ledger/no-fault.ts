/** What a run says of failures that has none to tell of, or none any more. */
export const NO_FAULT = { errorCode: null, errorMessage: null, errorStep: null, nextAction: null } as const;
