/** Stands where a package imports what nobody here asks it for, see quick-imports.ts. */
export {};
