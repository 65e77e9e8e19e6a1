import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components'

export interface ButtonProps extends Omit<AriaButtonProps, 'className'> {
  /** Default: neither the way forward nor a dangerous one. */
  readonly kind?: 'plain' | 'primary' | 'danger' | 'quiet'
}

export function Button({ kind = 'plain', ...props }: ButtonProps) {
  return <AriaButton {...props} className={kind === 'plain' ? 'button' : `button ${kind}`} />
}
