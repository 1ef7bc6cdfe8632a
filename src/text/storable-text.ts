/** Text as PostgreSQL takes it: without NUL and halves of characters, which it can hold in neither text nor JSON. */
export const storableText = (text: string): string => text.replaceAll("\u0000", "\uFFFD").replace(/\p{Cs}/gu, "\uFFFD");
