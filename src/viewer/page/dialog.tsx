import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  title: string;
  /** What the button says that does it. */
  yes: string;
  isDangerous?: boolean;
  isBusy: boolean;
  problem: string | undefined;
  onYes: () => void;
  onNo: () => void;
  children: ComponentChildren;
}

/** A question. The browser keeps the focus in it, and Escape is no. */
export function Dialog({ title, yes, isDangerous = false, isBusy, problem, onYes, onNo, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onNo();
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onYes();
        }}
      >
        <h2 id={heading}>{title}</h2>
        <div class="dialog-body">{children}</div>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="dialog-buttons">
          <button type="button" onClick={onNo}>
            Back
          </button>
          <button type="submit" class={isDangerous ? 'is-dangerous' : 'is-main'} disabled={isBusy}>
            {yes}
          </button>
        </div>
      </form>
    </dialog>
  );
}
