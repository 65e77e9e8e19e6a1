// Names of what is made outside. They follow from the attachment's id alone, so that whoever resumes or takes down an
// attachment finds what an interrupted attempt made; and they say nothing of the account, the agent or the tenant.

/** `mf_<32 hex digits>`: schemas, ACL users. */
export const outsideName = (attachmentId: string): string => `mf_${attachmentId.replaceAll('-', '')}`

/** `mf_<32 hex digits>_<rotation>`: roles, so that a name is never good with two credentials. */
export const roleName = (attachmentId: string, rotation: number): string => `${outsideName(attachmentId)}_${rotation}`

/** `mf:<32 hex digits>:`: the only keys and channels of a store that the account may touch. */
export const keyPrefix = (attachmentId: string): string => `mf:${attachmentId.replaceAll('-', '')}:`
