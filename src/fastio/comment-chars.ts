/** Characters of a comment as a reader sees it; its body may hold more, for the marks of mentions. */
export const COMMENT_CHARS = 500;
