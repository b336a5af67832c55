/** Bytes of a page (x86). */
export const PAGE_SIZE = 4096;
