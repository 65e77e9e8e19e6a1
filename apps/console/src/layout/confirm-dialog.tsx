import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { Button } from './button.tsx'

export interface ConfirmDialogProps {
  readonly title: string
  readonly text: string
  /** What the button says that does it. */
  readonly action: string
  readonly isPending: boolean
  readonly failed: boolean
  readonly onConfirm: () => void
}

/** For what cannot be taken back. Stands inside a DialogTrigger; closes by Escape, by Cancel, and when its page goes. */
export function ConfirmDialog({ title, text, action, isPending, failed, onConfirm }: ConfirmDialogProps) {
  return (
    <ModalOverlay className="overlay" isDismissable>
      <Modal className="modal">
        <Dialog role="alertdialog" className="dialog">
          <Heading slot="title">{title}</Heading>
          <p>{text}</p>
          {failed && (
            <p className="fault" role="alert">
              That did not work. Try again in a moment.
            </p>
          )}
          <div className="actions">
            <Button kind="danger" isPending={isPending} onPress={onConfirm}>
              {action}
            </Button>
            <Button slot="close" kind="quiet" autoFocus>
              Cancel
            </Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
