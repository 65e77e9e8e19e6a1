import { type Static, Type } from 'typebox'
import { formatId } from '#core/ids/id.ts'
import { closed, Id } from './schemas.ts'

/** Known by issuer and subject; the name is what the provider said last. */
export const PersonView = Type.Object(
  { id: Id('person'), issuer: Type.String(), subject: Type.String(), name: Type.Optional(Type.String()) },
  closed,
)

interface PersonColumns {
  readonly id: string
  readonly issuer: string | null
  readonly subject: string | null
  readonly name: string | null
}

export const showPerson = ({ id, issuer, subject, name }: PersonColumns): Static<typeof PersonView> => ({
  id: formatId('person', id),
  issuer: issuer!,
  subject: subject!,
  ...(name !== null && { name }),
})
