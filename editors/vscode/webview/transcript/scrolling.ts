/** Where one reads: the end is followed only from the end, and older messages come in above without moving anything. */
import type { Remembered } from "../channel";
import { element, iconButton } from "../dom";
import { icon } from "../icons";
import { oncePerFrame } from "../frames";

/** So near to the end one is taken to read there. */
const AT_END_PX = 48;

/** So near to the beginning older messages are asked for. */
const NEAR_START_PX = 400;

/** The scrolled part of the page. */
export class Scrolling {
  readonly element: HTMLElement;
  readonly jump: HTMLButtonElement;
  private following = true;
  private top = 0;
  private readonly settle = oncePerFrame(() => {
    this.toEnd();
  });

  constructor(
    content: Node[],
    private readonly askOlder: () => void,
  ) {
    this.element = element("main", { class: "scroller", tabindex: "-1" }, ...content);
    this.jump = iconButton(
      icon("down"),
      "To the end",
      () => {
        this.follow();
      },
      "jump",
    );
    this.jump.hidden = true;
    this.element.addEventListener("scroll", () => {
      this.scrolled();
    });
    new ResizeObserver(() => {
      this.contentChanged();
    }).observe(this.element);
  }

  /** Goes to the end and stays there. */
  follow(): void {
    this.setFollowing(true);
    this.toEnd();
    this.settle();
  }

  /** The content is another one: stay at the end if one was there. */
  contentChanged(): void {
    this.look();
    if (this.following) this.toEnd();
  }

  /** Runs `insert`, which puts something above, and keeps what is seen where it is. */
  keepPlace(insert: () => void): void {
    const below = this.element.scrollHeight - this.element.scrollTop;
    insert();
    this.element.scrollTop = this.element.scrollHeight - below;
    this.top = this.element.scrollTop;
  }

  /** The first item that is seen, unless one is at the end. */
  reading(): Remembered["reading"] {
    if (this.following) return null;
    const top = this.element.getBoundingClientRect().top;
    for (const item of this.element.querySelectorAll<HTMLElement>("[data-item]")) {
      const place = item.getBoundingClientRect();
      if (place.bottom > top) return { itemId: item.dataset["item"] ?? "", below: place.top - top };
    }
    return null;
  }

  /** Goes back to where one was reading. */
  restore(item: HTMLElement, below: number): void {
    this.setFollowing(false);
    item.scrollIntoView({ block: "start" });
    this.element.scrollTop -= below;
    this.top = this.element.scrollTop;
    this.contentChanged();
  }

  private toEnd(): void {
    this.element.scrollTop = this.element.scrollHeight;
    this.top = this.element.scrollTop;
  }

  private scrolled(): void {
    this.look();
    if (this.following && !this.atEnd()) this.settle();
    if (this.element.scrollTop < NEAR_START_PX) this.askOlder();
  }

  /** Following ends when one goes up, and not because content grew since: then the end is merely farther away. */
  private look(): void {
    const { scrollTop } = this.element;
    if (this.atEnd()) this.setFollowing(true);
    else if (scrollTop < this.top - 1) this.setFollowing(false);
    this.top = scrollTop;
  }

  /** While the end is followed, the browser must not hold on to something above it. */
  private setFollowing(following: boolean): void {
    this.following = following;
    this.jump.hidden = following || this.atEnd();
    this.element.classList.toggle("following", following);
  }

  private atEnd(): boolean {
    return this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < AT_END_PX;
  }
}
