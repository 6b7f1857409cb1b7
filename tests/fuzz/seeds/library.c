int value = 1;

int function(void)
{
    return value;
}
