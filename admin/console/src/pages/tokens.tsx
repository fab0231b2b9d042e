import type { VNode } from "preact";
import { Header } from "../ui";
export const Tokens = (): VNode => <Header title="Tokens" />;
