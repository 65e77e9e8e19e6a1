/** How deep a tree of accounts may be where the root agent's registration says nothing. A root lies at 0. */
export const standardDepth = 4
/** How deep it may be at all. */
export const deepest = 8

/** How deep the tree below an account of this agent may be. */
export const maxDepthOf = ({ max_depth }: { readonly max_depth?: number }): number =>
  Math.min(max_depth ?? standardDepth, deepest)
