/**
 * The same text in memory of its own. A piece of a longer text, as `slice` and `split` give it, keeps the whole of it in memory: what
 * is remembered of a request would keep the request.
 */
export const ownCopy = (text: string): string => Buffer.from(text, 'utf8').toString('utf8')
