// SPDX-License-Identifier: GPL-2.0-only
/* Everything that is drawn is printable ASCII by now. */
#include "screen.h"

#include <ctype.h>
#include <curses.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <grain/error.h>

#include "say.h"
#include "stop.h"

#define FILTER_MAX 64
#define ESCAPE     27
#define TAKE_NS    100000000

struct screen {
    const struct screen_list *list;
    void *user;
    unsigned int order;
    uint64_t interval;
    uint64_t due; /* clock_now() of the next reading */
    size_t first; /* row at the upper edge */
    bool paused, typing, quit;
    char filter[FILTER_MAX];
    char problem[256]; /* why there is nothing to see; empty: nothing is wrong */
};

static SCREEN *terminal;

/* Also when the program ends for lack of memory. */
static void restore(void)
{
    if (!terminal)
        return;
    endwin();
    delscreen(terminal);
    terminal = NULL;
}

void screen_put(struct screen_line *line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line->text, sizeof(line->text), format, arguments);
    va_end(arguments);
}

static bool matches(const struct screen *screen, size_t row)
{
    return !*screen->filter || screen->list->matches(screen->user, row, screen->filter);
}

static size_t matching(const struct screen *screen)
{
    const size_t rows = screen->list->count(screen->user);
    size_t count = 0;

    for (size_t i = 0; i < rows; i++)
        count += matches(screen, i);
    return count;
}

static size_t lines_of_rows(void)
{
    return LINES > 4 ? (size_t)LINES - 4 : 0;
}

/* A line cut at the right edge; what is behind it is cleared. */
static void put_text(int y, attr_t attributes, const char *text)
{
    if (y >= LINES || COLS < 1)
        return;
    attrset(attributes);
    move(y, 0);
    clrtoeol();
    addnstr(text, COLS);
    if (attributes & A_REVERSE)
        for (int x = (int)strlen(text); x < COLS; x++)
            addch(' ');
    attrset(A_NORMAL);
}

static void put_line(int y, attr_t attributes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_line(int y, attr_t attributes, const char *format, ...)
{
    char text[2 * SCREEN_LINE_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    put_text(y, attributes, text);
}

static struct screen_line empty_line(void)
{
    return (struct screen_line){.columns = COLS};
}

static void draw_head(const struct screen *screen)
{
    const struct screen_list *list = screen->list;
    struct screen_line line = empty_line();

    list->title(screen->user, &line);
    put_line(0, A_BOLD, "%s  by %s%s", line.text, list->orders[screen->order],
             screen->paused ? "  PAUSED" : "");
    list->state(screen->user, &line);
    if (*screen->problem)
        put_line(1, A_NORMAL, "%s", screen->problem);
    else
        put_line(1, A_NORMAL, "%s%zu of %zu rows%s%s", line.text, matching(screen),
                 list->count(screen->user), *screen->filter ? ", filter " : "", screen->filter);
    list->heading(screen->user, &line);
    put_text(2, A_REVERSE, line.text);
}

static void draw_rows(struct screen *screen)
{
    const size_t rows = screen->list->count(screen->user);
    size_t lines = lines_of_rows(), count = matching(screen), drawn = 0, skip;

    if (screen->first + lines > count)
        screen->first = count > lines ? count - lines : 0;
    skip = screen->first;
    for (size_t i = 0; i < rows && drawn < lines; i++) {
        struct screen_line line;

        if (!matches(screen, i) || (skip && skip--))
            continue;
        line = empty_line();
        screen->list->row(screen->user, i, &line);
        put_text((int)(3 + drawn++), A_NORMAL, line.text);
    }
}

static void draw(struct screen *screen)
{
    erase();
    draw_head(screen);
    draw_rows(screen);
    if (screen->typing)
        put_line(LINES - 1, A_BOLD, "filter: %s_   (Enter: keep, Esc: none)", screen->filter);
    else
        put_text(LINES - 1, A_DIM, screen->list->help);
    refresh();
}

static void type(struct screen *screen, int key)
{
    size_t length = strlen(screen->filter);

    if (key == '\n' || key == '\r' || key == KEY_ENTER || key == ESCAPE) {
        screen->typing = false;
        if (key == ESCAPE)
            *screen->filter = '\0';
        return;
    }
    if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length)
        screen->filter[length - 1] = '\0';
    else if (key < 128 && isgraph(key) && length + 1 < sizeof(screen->filter))
        memcpy(screen->filter + length, (const char[]){(char)key, '\0'}, 2);
}

static void scroll_by(struct screen *screen, ptrdiff_t rows)
{
    ptrdiff_t first = (ptrdiff_t)screen->first + rows;

    /* Too far down is put right when the rows are drawn. */
    screen->first = first > 0 ? (size_t)first : 0;
}

static void sort_by(struct screen *screen, unsigned int order)
{
    screen->order = order;
    screen->first = 0;
    screen->list->sort(screen->user, order);
}

static void turn(struct screen *screen)
{
    if (!screen->list->turn)
        return;
    screen->list->turn(screen->user);
    screen->first = 0;
    screen->paused = false;
    screen->due = 0;
}

static void move_key(struct screen *screen, int key)
{
    ptrdiff_t page = (ptrdiff_t)lines_of_rows();

    if (key == KEY_UP || key == 'k')
        scroll_by(screen, -1);
    else if (key == KEY_DOWN || key == 'j')
        scroll_by(screen, 1);
    else if (key == KEY_PPAGE)
        scroll_by(screen, -page);
    else if (key == KEY_NPAGE)
        scroll_by(screen, page);
    else if (key == KEY_HOME)
        screen->first = 0;
    else if (key == KEY_END)
        screen->first = screen->list->count(screen->user);
}

static void press(struct screen *screen, int key)
{
    const char *keys = screen->list->keys;
    const char *order = key > 0 && key < 128 ? strchr(keys, key) : NULL;

    if (key == KEY_RESIZE)
        return;
    if (screen->typing)
        type(screen, key);
    else if (order)
        sort_by(screen, (unsigned int)(order - keys));
    else if (key == 'q' || key == 'Q')
        screen->quit = true;
    else if (key == '\t')
        turn(screen);
    else if (key == '/')
        screen->typing = true;
    else if (key == ESCAPE)
        *screen->filter = '\0';
    else if (key == ' ')
        screen->paused = !screen->paused;
    else
        move_key(screen, key);
}

static void note_problem(struct screen *screen)
{
    char *escaped = escape_text(grain_error());

    (void)snprintf(screen->problem, sizeof(screen->problem), "%s", escaped);
    free(escaped);
}

static void read_again(struct screen *screen)
{
    uint64_t start = clock_now();

    *screen->problem = '\0';
    screen->due = start + screen->interval;
    if (screen->list->read(screen->user))
        note_problem(screen);
    else
        screen->due = screen->list->due(screen->user, screen->interval);
    screen->list->sort(screen->user, screen->order);
}

static bool terminal_open(void)
{
    terminal = newterm(NULL, stdout, stdin);
    if (!terminal)
        return false;
    (void)atexit(restore);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(50);
    curs_set(0);
    return true;
}

/* For a key, the next reading, or something to take; false: the end was asked for. */
static bool wait_for_more(struct screen *screen)
{
    const struct screen_list *list = screen->list;
    const uint64_t next = clock_now() + TAKE_NS;
    uint64_t until = screen->paused ? UINT64_MAX : screen->due;

    if (list->take && next < until)
        until = next;
    if (!stop_wait_either(until, STDIN_FILENO, list->fd))
        return false;
    if (list->take && list->take(screen->user))
        note_problem(screen);
    return true;
}

static void show(struct screen *screen)
{
    int key;

    while (!screen->quit && !stop_requested()) {
        if (!screen->paused && clock_now() >= screen->due)
            read_again(screen);
        draw(screen);
        if (!wait_for_more(screen))
            break;
        while ((key = getch()) != ERR)
            press(screen, key);
    }
}

int screen_run(const struct screen_list *list, void *user, unsigned int order, uint64_t interval_ns)
{
    struct screen screen = {.list = list, .user = user, .order = order, .interval = interval_ns};

    if (!terminal_open()) {
        say("cannot use this terminal (TERM is \"%s\"); --once prints the list",
            getenv("TERM") ? getenv("TERM") : "");
        return -ENOTTY;
    }
    show(&screen);
    restore();
    return 0;
}
