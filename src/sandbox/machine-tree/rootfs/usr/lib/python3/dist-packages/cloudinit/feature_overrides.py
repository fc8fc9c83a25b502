# A boothook may fetch the file that a later part includes: the first pass misses it and must go on, the second, after the boothook has restarted
# cloud-init, finds it. Cluster API's published machine images are set up the same way.
ERROR_ON_USER_DATA_FAILURE = False
