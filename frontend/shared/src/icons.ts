/** Outlines of the icons that several widgets have. */
export const PLAY = "M4 2.5v11l9-5.5z";
export const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";
export const PREVIOUS = "M11 3v10L4 8z";
export const NEXT = "M5 3v10l7-5z";
