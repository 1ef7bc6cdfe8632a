/** A fault at a place inside one rule. */
export type RuleFault = { readonly path: readonly PropertyKey[]; readonly message: string };
