/** Whether a subscription may ask for this: tokens between dots, none empty, `*` for any one, a last `>` for the rest. */
export const isPattern = (subject: string): boolean => /^[^.]+(\.[^.]+)*$/.test(subject) && !/(^|\.)>\./.test(subject);

/** Whether a pattern takes in a subject. In the subject `*` and `>` are mere names; an empty token matches nothing. */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  const open = wanted.at(-1) === '>' ? wanted.length - 1 : -1;
  if (tokens.includes('') || (open < 0 ? tokens.length !== wanted.length : tokens.length <= open)) return false;
  return wanted.every((token, n) => n === open || token === '*' || token === tokens[n]);
}

/** Subscriptions by subject: literal ones in a map, the few with wildcards tried in turn; 1024 answers are kept. */
export class SubjectIndex<T extends { readonly subject: string; readonly queue: string | undefined }> {
  private readonly literal = new Map<string, Set<T>>();
  private readonly wild = new Set<T>();
  private readonly known = new Map<string, readonly (readonly T[])[]>();

  /** Add a value under its subject, which must be a pattern. */
  insert(value: T): void {
    this.known.clear();
    if (/[*>]/.test(value.subject)) this.wild.add(value);
    else this.literal.set(value.subject, (this.literal.get(value.subject) ?? new Set()).add(value));
  }

  /** Take a value out; nothing happens if it is not there. */
  remove(value: T): void {
    this.known.clear();
    this.wild.delete(value);
    const same = this.literal.get(value.subject);
    if (same?.delete(value) && same.size === 0) this.literal.delete(value.subject);
  }

  /** The values whose pattern matches, by queue group; one without a queue is a group of its own. Not to be changed. */
  match(subject: string): readonly (readonly T[])[] {
    const known = this.known.get(subject);
    if (known !== undefined) return known;
    const found = [...(this.literal.get(subject) ?? []), ...this.wild].filter((v) => matches(v.subject, subject));
    const byQueue = new Map<string | T, T[]>(found.map((value) => [value.queue ?? value, []]));
    for (const value of found) byQueue.get(value.queue ?? value)?.push(value);
    const groups = [...byQueue.values()];
    if (this.known.size >= 1024) this.known.clear();
    this.known.set(subject, groups);
    return groups;
  }
}
