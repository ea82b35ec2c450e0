/** A mistake that the page reports in one line: what is wrong, where, and what to do. */
export class PageError extends Error {}
