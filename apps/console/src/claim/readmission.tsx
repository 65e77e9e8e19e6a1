import { FieldError, Label, Radio, RadioGroup } from 'react-aria-components'

export interface ReadmissionProps {
  readonly value: boolean | undefined
  readonly onChange: (readmit: boolean) => void
}

/** Neither is chosen beforehand: who shall work in an account is for its owner to say. */
export function Readmission({ value, onChange }: ReadmissionProps) {
  return (
    <RadioGroup
      className="readmission step"
      name="readmit"
      isRequired
      value={value === undefined ? null : value ? 'yes' : 'no'}
      onChange={choice => onChange(choice === 'yes')}
    >
      <Label className="step-title">Shall the agent go on working in it?</Label>
      <div className="options two">
        <Option value="no" title="No, I take it from here" text="The agent is locked out." />
        <Option
          value="yes"
          title="Yes, within these limits"
          text="It proves its key again and gets new tokens, for what is ticked above. You can stop it at any time."
        />
      </div>
      <FieldError>Choose one of the two.</FieldError>
    </RadioGroup>
  )
}

function Option({ value, title, text }: { readonly value: string; readonly title: string; readonly text: string }) {
  return (
    <Radio value={value} className="choice card">
      <span className="dot" aria-hidden="true" />
      <span className="choice-text">
        <span>{title}</span>
        <small>{text}</small>
      </span>
    </Radio>
  )
}
