/* A program that only exits; with NEEDS, one that takes a function and a copied variable from a library. */
#ifdef NEEDS
extern int value;
extern int function(void);
#endif

void _start(void)
{
#ifdef NEEDS
    value += function();
#endif
    for (;;)
        ;
}
