import { type SubmitEvent, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { setUpOwner } from "@/api/session";
import { Button } from "@/components/Button";
import { Field } from "@/components/Field";
import { ErrorNotice } from "@/components/States";

/** As the server has it, which decides. */
const SHORTEST = 10;

/** Makes the first owner, with the one-time code that only the machine's operator can read. */
export function SetupForm({ onDone }: { onDone: () => void }) {
  const [code, setCode] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const make = useMutation({ mutationFn: () => setUpOwner({ code: code.trim(), name: name.trim(), password }), onSuccess: onDone });
  const short = tried && password.length < SHORTEST ? `At least ${SHORTEST} characters.` : undefined;
  function onSubmit(event: SubmitEvent) {
    event.preventDefault();
    setTried(true);
    if (password.length >= SHORTEST) make.mutate();
  }
  return (
    <form className="stack" onSubmit={onSubmit}>
      <Field label="One-time owner code" hint="Penstock printed it where it was started; in a cloud, the stack's nextSteps say where to read it.">
        {(bound) => <input {...bound} className="input mono" value={code} onChange={(event) => setCode(event.target.value)} autoComplete="one-time-code" autoCapitalize="off" spellCheck={false} required autoFocus />}
      </Field>
      <Field label="Name">{(bound) => <input {...bound} value={name} onChange={(event) => setName(event.target.value)} autoComplete="username" autoCapitalize="off" spellCheck={false} required />}</Field>
      <Field label="Password" hint={`At least ${SHORTEST} characters; a sentence is fine.`} problem={short}>
        {(bound) => <input {...bound} type="password" value={password} onChange={(event) => setPassword(event.target.value)} autoComplete="new-password" required />}
      </Field>
      {make.error ? <ErrorNotice error={make.error} /> : null}
      <Button kind="primary" type="submit" disabled={make.isPending}>{make.isPending ? "Making the owner…" : "Make the owner and sign in"}</Button>
    </form>
  );
}
